"""The commands of course.py, a module each."""

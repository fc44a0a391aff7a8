"""What a class needs: `check` and its exercises for the lessons, and the commands of course.py."""

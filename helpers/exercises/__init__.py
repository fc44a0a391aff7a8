"""The exercises of the lessons, a file a lesson, a small function an exercise."""

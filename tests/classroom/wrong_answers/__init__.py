"""Typical wrong answers to the exercises, a file a lesson: WRONG = {id: [(answer, diagnosis)]}."""

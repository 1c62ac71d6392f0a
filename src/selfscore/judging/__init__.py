"""Judges of consistency: which score does an explanation sound like, read without its score?"""

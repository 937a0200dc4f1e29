"""Verdicts on texts: did the model keep writing sense, fall into a loop, or into noise?"""

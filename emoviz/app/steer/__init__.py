"""What the Steer tab writes and shows: requests, runs of several models, stored texts, what a witness says.

No gradio.
"""

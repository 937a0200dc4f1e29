"""The Steer tab, one module per part: texts side by side, and the models that they share with the Read tab."""

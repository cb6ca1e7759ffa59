"""The message that leaves: who gets it, its subject and threading, bodies, attachments, and its bytes.

Pure: random bits, the time, sanitised HTML and attachments' bytes are passed in, so that the preview and the
mail that leaves are the same value.
"""

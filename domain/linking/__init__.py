"""The rules that say in which incident a mail belongs."""

"""Formats of dates, times and numbers in each language (settings.FORMAT_MODULE_PATH).

Templates use the names of the formats, as in `{{ day|date:"DATE_FORMAT" }}`, never a pattern.
"""

"""How each language writes days, times and numbers (settings.FORMAT_MODULE_PATH).

Templates name a format, `{{ day|date:"DATE_FORMAT" }}`; none of them spells one out.
"""

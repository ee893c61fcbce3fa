"""Treatments switched on at a date: event studies, differences in differences, synthetic controls."""

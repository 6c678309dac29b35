"""Engines that simulate: progressive editing, and transitions between its states."""

"""Headings under which `--help` lists the options."""

ASKED, EDIT, OUTPUT, MACHINE = "What to simulate", "How to edit", "Output", "Model and machine"

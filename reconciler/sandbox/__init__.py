"""An emulator of the Leadterra API over HTTP, with a real SQLite database and faults on demand.

Importing the package alone is cheap: Flask is loaded by ``app`` and ``server`` only. The sandbox shares no
code with the client it stands in for; an emulator sharing the client's models would share its mistakes.
"""

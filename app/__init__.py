"""The doors: command line, MCP, screens; all over one table of operations."""

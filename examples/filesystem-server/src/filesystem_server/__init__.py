"""An MCP server for the files below one folder, protected by Auth-Agent."""

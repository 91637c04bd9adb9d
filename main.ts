// Replaced by the command table as soon as the commands exist.

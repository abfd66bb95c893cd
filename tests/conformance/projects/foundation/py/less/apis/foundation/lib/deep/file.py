deep = "from below"

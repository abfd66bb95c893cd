wanted = "from beside"

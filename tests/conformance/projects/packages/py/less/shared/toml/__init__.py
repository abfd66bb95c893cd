owner = "the project"

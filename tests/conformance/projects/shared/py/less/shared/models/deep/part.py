part = "models"

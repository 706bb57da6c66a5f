variable "secret" { type = string }
source "null" "box" { communicator = var.secret }
build { sources = ["null.box"] }

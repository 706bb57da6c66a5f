variable "zone" { default = "north" }
source "null" "box" {
  communicator = var.zoen
}
build { sources = ["null.box"] }

locals {
  sums = {
    text  = join(";", "plain")
    total = 2 + "three"
  }
}
source "null" "box" { communicator = "none" }
build { sources = ["null.box"] }

locals {
  shout = uper("hey")
}
source "null" "box" { communicator = "none" }
build { sources = ["null.box"] }

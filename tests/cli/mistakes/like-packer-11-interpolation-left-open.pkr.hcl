source "null" "box" {
  communicator = "no${"ne"
}
build { sources = ["null.box"] }

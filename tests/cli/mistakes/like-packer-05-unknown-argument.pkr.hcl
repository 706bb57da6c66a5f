source "null" "box" {
  comunicator = "none"
}
build { sources = ["null.box"] }

variable "count_of_disks" {
  type    = number
  default = "two"
}
source "null" "box" { communicator = "none" }
build { sources = ["null.box"] }

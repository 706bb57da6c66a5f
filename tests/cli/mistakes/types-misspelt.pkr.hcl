variable "a" { type = strng }
variable "b" { type = list(strng) }
variable "c" { type = String }
variable "d" { type = int }
variable "e" { type = boolean }
variable "f" { type = array(string) }
variable "g" { type = object({ a = strin, b = optional(number) }) }
variable "h" { type = map }
variable "i" { type = dict(string) }
variable "j" { type = list[string] }
variable "k" { type = list(string, number) }
variable "l" { type = null }
variable "m" { type = float }
source "null" "web" { communicator = "none" }
build { sources = ["source.null.web"] }

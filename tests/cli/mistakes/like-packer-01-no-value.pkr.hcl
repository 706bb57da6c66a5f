source "null" "box" {
  ssh_host =
}

# Labels are quoted or bare; a block of one argument fits on a line.
source "qemu" "debian" {}
build name {
  sources = ["qemu.debian"] // a comment
  provisioner "shell" { inline = ["true"] }

  /* another
     comment */
}
if "x" for in {
  true = 1
}

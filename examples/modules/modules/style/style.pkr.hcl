variable "colour" {
  type = string
}

source "file" "css" {
  content = templatefile("style.css.tpl", { colour = var.colour }) # beside this file
  target  = "build/style.css"
}

build {
  sources = ["source.file.css"]
}

output "file" {
  value = artifact.file.css.path
}

variable "name" {
  type = string
  validation {
    condition     = can(regex("^[a-z]+$", var.name))
    error_message = "The name of a page has lower-case letters only."
  }
}

variable "title" {
  type = string
}

variable "style" {
  type        = string
  description = "The file with the style. It exists when the provisioner runs."
}

locals {
  heading = "<h1>${var.title}</h1>"
}

source "file" "html" {
  content = local.heading
  target  = "build/${var.name}.html"
}

build {
  sources = ["source.file.html"]

  # Scripts that belong to a module are found through path.module: other relative paths start where hclimg is called.
  provisioner "shell-local" {
    script           = "${path.module}/embed.sh"
    environment_vars = ["STYLE=${var.style}", "PAGE=build/${var.name}.html"]
  }
}

output "file" {
  value = artifact.file.html.path
}

output "title" {
  value = var.title
}

# Outputs tell what a run came to:
#
#     hclimg plan examples/output         shows which outputs there will be
#     hclimg apply examples/output        ends with their values
#     hclimg output                       shows them again, at any time
#     hclimg output -raw bundle           for scripts: cp "$(hclimg output -raw bundle)" /srv
#     hclimg output -json                 for programs, in the form of terraform output -json

variable "version" {
  type    = string
  default = "1.4.0"
}

variable "admin_password" {
  type      = string
  default   = "change-me-soon"
  sensitive = true
}

source "file" "site" {
  content = "<h1>Version ${var.version}</h1>\n"
  target  = "build/site.html"
}

source "file" "htpasswd" {
  content = "admin:${bcrypt(var.admin_password, 4)}\n"
  target  = "build/htpasswd"
}

build {
  sources = ["source.file.site", "source.file.htpasswd"]

  # The page is packed, and not kept as it was: the output below names what there is in the end.
  post-processor "compress" {
    only   = ["file.site"]
    output = "build/site-${var.version}.tar.gz"
  }
}

output "bundle" {
  description = "The packed site."
  value       = artifact.file.site.path
}

output "release" {
  description = "What a deployment has to know."
  value = {
    version = var.version
    files   = [artifact.file.site.path, artifact.file.htpasswd.path]
  }
}

# A value that comes from a secret has to say so; it is shown only to who asks for it by name.
output "admin_password" {
  value     = var.admin_password
  sensitive = true
}

# Data sources look something up, and the rest of the template uses it:
#
#     hclimg validate examples/data                          reads nothing
#     hclimg validate -evaluate-datasources examples/data    reads both data sources, and checks what depends on them
#     hclimg plan examples/data                              reads what decides what is built: here nothing
#     hclimg apply examples/data                             reads each once

variable "releases" {
  type        = string
  description = "Where a list of releases is, the newest first, as JSON."
  default     = "https://endoflife.date/api/debian.json"
}

data "http" "releases" {
  url             = var.releases
  request_headers = { Accept = "application/json" }
}

# One data source may use another one, also through locals; the order in the file does not matter.
data "null" "greeting" {
  input = "Made for Debian ${local.newest.cycle} (${local.newest.latest})."
}

locals {
  newest = jsondecode(data.http.releases.body)[0]
}

source "file" "motd" {
  content = "${data.null.greeting.output}\n"
  target  = "build/motd"
}

build {
  sources = ["source.file.motd"]

  provisioner "shell-local" {
    inline = ["echo ${local.newest.cycle}, asked of ${data.http.releases.url}"]
  }
}

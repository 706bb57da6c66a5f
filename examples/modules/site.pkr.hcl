# A module is a template in a directory of its own. What it needs it is given; what others may know of it, it puts out.
#
#     hclimg plan examples/modules                                   all builds, those of modules with their addresses
#     hclimg apply examples/modules
#     hclimg apply -only='module.page["blog"].*' examples/modules    one instance, with what it is made from

variable "pages" {
  type    = map(string)
  default = { blog = "Blog", shop = "Shop" }
}

module "style" {
  source = "./modules/style"
  colour = "teal"
}

# One instance for each page. Each waits for the file that the module "style" makes: its output is their input.
module "page" {
  source   = "./modules/page"
  for_each = var.pages

  name  = each.key
  title = each.value
  style = module.style.file
}

source "file" "index" {
  content = join("\n", [for name, page in module.page : "<a href=\"${basename(page.file)}\">${page.title}</a>"])
  target  = "build/index.html"
}

build {
  sources = ["source.file.index"]
}

output "pages" {
  value = { for name, page in module.page : name => page.file }
}

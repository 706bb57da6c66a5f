source "null" "blog" {
  communicator = "none"
}

source "null" "shop" {
  communicator = "none"
}

build {
  sources = ["source.null.blog", "source.null.shop"]

  use "site" {
    only  = ["null.blog"]
    title = "A blog"
  }

  use "site" {
    only  = ["null.shop"]
    title = "A shop"
    pages = ["index", "cart"]
  }
}

name  = "no${"ne"
other = "${x}"

source "null" "box" { communicator = "none" }
build { sources = ["source.null.bax"] }

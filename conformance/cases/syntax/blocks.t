result = {}
blocks = ["source \"qemu\" \"debian\"", "build \"name\"", "if \"x\" \"for\" \"in\""]

locals {
  a = True
  b = None
  c = not true
  d = true and false
  e = "a" if true else "b"
  f = [x for x in [1, 2]]
  g = { "a": 1, b: 2, c = 3 }
  h = "a" + "b"
  i = f"text"
  j = 10G
  k = 0x1F
  l = 5m
  m = -"a"
  n = !1
  o = 1 === 2
  p = a++
  q = x && y & z
  r = yes
  s = nil
  t = undefined
  u = 1 <> 2
  v = 2 ** 3
  w = true or false
  x = xs.length
  y = () => 1
  z = [1..3]
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}

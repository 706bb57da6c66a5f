diagnostics {
  error {
    summary = "Unclosed template interpolation sequence"
    from {
      line   = 1
      column = 12
    }
    to {
      line   = 1
      column = 14
    }
  }
}

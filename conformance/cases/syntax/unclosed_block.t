diagnostics {
  error {
    summary = "Unclosed configuration block"
    from {
      line   = 1
      column = 19
    }
    to {
      line   = 1
      column = 20
    }
  }
}

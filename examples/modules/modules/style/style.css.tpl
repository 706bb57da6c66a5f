h1 { color: ${colour}; }

"""The ontologies in Turtle, one file a subject; read by `graph.ontology`, and by whoever likes Turtle."""

"""Charts, drawings and pages made from the tables; nothing here trains or selects anything."""

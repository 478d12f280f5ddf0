"""The rule book as it fares: each rule, how many pass it by source and day, and where that goes. For the data team."""

"""Pure rules of dossiers: codes, status, working time, deadlines, progress. No input, no output, no clock."""

"""The causes, one file each: condition, sentence, evidence, advice, prediction."""

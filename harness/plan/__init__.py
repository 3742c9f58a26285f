"""What will be measured: options, levels, knobs, profiles and the plan that follows from them. Pure."""

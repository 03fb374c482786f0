"""Checks of assets: expectations at the bronze boundary, and checks on decisions and models."""

"""The strategists' app: reads gold in the lake and the operational store, writes only through the store.

No KPI is defined here (they are dbt's), no model is loaded here, and no network is called but the demo clock on loopback.
"""
